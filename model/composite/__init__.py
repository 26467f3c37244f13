"""The composite family: speech gives the timing, a driving sequence the manner (after Wu et al. 2023, "MM 2023")."""
