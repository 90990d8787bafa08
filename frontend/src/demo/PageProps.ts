/** Properties that every page of the demo gets. */
export interface PageProps {
  readonly isAdmin: boolean;
}
