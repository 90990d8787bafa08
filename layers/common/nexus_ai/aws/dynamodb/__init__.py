"""Tables, their keys and the operations on them."""
