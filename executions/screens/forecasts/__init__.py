"""What is forecast, of a plan or an execution, as people read it."""
