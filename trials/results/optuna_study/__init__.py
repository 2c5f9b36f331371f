"""An experiment as Optuna studies."""
