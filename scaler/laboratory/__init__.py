"""The built-in laboratory: a small world in which concealed objects, few labels and a generalist are real."""
