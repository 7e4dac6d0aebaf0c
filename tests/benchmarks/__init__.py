"""Speed of the parts of sealdata, side by side with what they are measured against."""
