"""What the log pane is made of, none of it a widget: colour, wrapping, views, search and filter."""
