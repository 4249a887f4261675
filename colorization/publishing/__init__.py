"""What leaves the project: cards, examples, ONNX files, and the way of models, data sets and the page to the Hub."""
