// Gives a layer that is headers only an object of its own.
