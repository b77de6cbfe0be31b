"""Notices as they are shown: the document in force, written out for one counterpart in one language."""
