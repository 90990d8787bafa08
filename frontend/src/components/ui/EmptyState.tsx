import type { ReactNode } from 'react';
import styles from './States.module.css';

interface EmptyStateProps {
  readonly title: ReactNode;
  /** Hint for the user's next step. */
  readonly children?: ReactNode;
}

export function EmptyState({ title, children }: EmptyStateProps) {
  return (
    <div className={styles.state}>
      <p className={styles.title}>{title}</p>
      {children}
    </div>
  );
}
