"""SCALER: two models that teach each other to segment concealed objects from few labels."""
