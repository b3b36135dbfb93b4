"""What every broker's adapter needs: when to stop taking events."""
