"""Operations, and what each kind of them makes of the rows of its servers."""
