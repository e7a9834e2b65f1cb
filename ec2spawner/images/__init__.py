"""From a repository to an image: recipe, lock, key, builder, and the shelf."""
