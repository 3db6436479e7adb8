"""How good a reading is: events found against events labelled, with the uncertainty of a small set."""
