"""The pages of docs/ and README.md, run."""
