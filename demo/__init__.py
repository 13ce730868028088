"""The main job on real data: units in over HTTP, real people's labels replayed, certified labels out."""
