"""The canonical layout of a manifest's text: order of keys, indentation, blank lines.

The text is moved, never written anew: each step is told by libyaml where things stand, and moves or
indents whole lines. So quotes, comments, long lines and columns that somebody aligned stay as they are.
"""

from kvmspec.manifest.layout.formatting import LayoutError, formatted

__all__ = ["LayoutError", "formatted"]
