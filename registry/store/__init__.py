"""PostgreSQL: one aggregate a file, its rows and every query over them."""
