"""Where files with people are: a path, a folder, an SFTP server or a web address. It must not know
what is in them."""
