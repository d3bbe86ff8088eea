"""What every source must do, whatever it reads; a new source adds its specimen and passes the same tests."""
