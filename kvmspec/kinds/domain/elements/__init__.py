"""The XML of devices: a table for each kind, and what no table can say."""
