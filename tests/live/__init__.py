"""The driver files' claims, held to the real libraries. Servers, where there are any, are named by the environment."""
