"""Figures of the report: one module for what a figure shows, two for how it is drawn."""
