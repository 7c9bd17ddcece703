"""Ship many orders by one file: rows are checked one by one and accepted one by one."""
