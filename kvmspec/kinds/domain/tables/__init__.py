"""Rows of the field table, by what they are about; fields.FIELDS is all of them."""
