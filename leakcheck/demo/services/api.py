"""What the web site asks for."""

import httpx
from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

router = APIRouter()
engine = create_engine(
    "mysql://db/helpdesk", pool_size=20, pool_pre_ping=True, pool_recycle=1800, pool_timeout=10, pool_use_lifo=True
)


def get_session():
    """A session for one request; it is closed after the response."""
    with Session(engine) as session:
        yield session


@router.get("/tickets/{ticket_id}/answer")
def suggest_answer(ticket_id: int, session: Session = Depends(get_session)):
    """The session keeps its connection while the model thinks."""
    body = session.execute(text("SELECT body FROM tickets WHERE id = :id"), {"id": ticket_id}).scalar()
    return httpx.post("https://model/answer", json={"text": body}, timeout=60).json()


@router.get("/tickets/{ticket_id}/mood")
def mood(ticket_id: int, session: Session = Depends(get_session)):
    """The rollback gives the connection back before the wait."""
    body = session.execute(text("SELECT body FROM tickets WHERE id = :id"), {"id": ticket_id}).scalar()
    session.rollback()
    return httpx.post("https://model/mood", json={"text": body}, timeout=60).json()
