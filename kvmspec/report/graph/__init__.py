"""The topology as a picture's source: Mermaid and DOT."""
