"""One runnable file per stage; the same command line under both engines. Stages never import each other."""
