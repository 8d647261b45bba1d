"""What to do next with each segment: verdicts that rest on figures, and the edits they ask for."""
