"""What `edgernn demo` serves: bundles as packages for the web, and a page to try them on."""
