"""The only importers of rclpy: messages become events, effects become messages."""
