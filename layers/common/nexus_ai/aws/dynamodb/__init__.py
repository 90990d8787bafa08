"""Define the DynamoDB tables, their keys and the operations on them."""
