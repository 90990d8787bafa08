"""Settings, errors, the caller, time, money, logging and model base classes that all other packages use."""
