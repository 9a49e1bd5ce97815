"""Numbers of the log, plotted. Imported when the first plot opens."""
