"""Before the work starts: can it be done here, where does it go, how long will it take?"""
