//! Folders by descriptor.
