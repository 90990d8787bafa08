"""What every other package stands on: settings, errors, the caller, time, money, logs."""
