"""What the law says of an application's content: each rule a function that cites its clause."""
