"""One language: races, selections and prices out of judged records; no reading of sources, no storing."""
