"""Kinds of machine behind one interface."""
