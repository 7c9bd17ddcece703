"""Use cases: each opens its one transaction, asks the rules, writes, and answers."""
