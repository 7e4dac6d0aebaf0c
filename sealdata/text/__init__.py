"""What a text is written with: characters, words, normal forms, personal data, hashes."""
