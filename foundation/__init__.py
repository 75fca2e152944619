"""What every app stands on and none of them is about: error words, REST conventions, idempotency keys."""
