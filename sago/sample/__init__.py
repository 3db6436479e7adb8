"""Sample data: a month of companies that never existed, told well enough to be worth reading, with its labels."""
