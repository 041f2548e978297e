"""The field's scores."""
