"""Applications, from the product to the draft that is accepted: their rules, relations and clocks."""
