"""Step 5: forecast, plan, explain, apply, reconcile."""
