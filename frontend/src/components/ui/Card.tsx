import { type ReactNode, useId } from 'react';
import styles from './Card.module.css';

interface CardProps {
  /** Heading of the card. Only a card with a title is a landmark for screen readers. */
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Card({ title, actions, children }: CardProps) {
  const id = useId();
  return (
    <section className={styles.card} aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <header className={styles.header}>
          <h2 className={styles.title} id={id}>
            {title}
          </h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}
