"""Capacity: from what things were measured to cost to what a load takes."""
