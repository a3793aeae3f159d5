"""The Streamlit page, on top of everything else."""
