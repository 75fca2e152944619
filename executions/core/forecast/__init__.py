"""When an execution will be over: many made-up runs of it, by the durations that were seen before."""
