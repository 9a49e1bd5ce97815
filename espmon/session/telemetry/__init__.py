"""What a session sees leaves for a collector of a team's, by OpenTelemetry. Imported only where that was asked for."""
