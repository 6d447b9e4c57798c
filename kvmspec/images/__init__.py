"""Images: where they come from, the cache they are kept in, and what is made for one guest alone."""
