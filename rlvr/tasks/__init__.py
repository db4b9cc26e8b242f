"""Where tasks come from: published data sets, files, the hub, and generators. `sources.load_tasks` is the way in."""
